"""What brings tuning results of other tools into a history."""
