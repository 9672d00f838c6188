"""foretune."""
