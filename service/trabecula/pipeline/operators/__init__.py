"""What operators and readers do to studies: retry, correct, name levels, recall, compare, quarantine."""
