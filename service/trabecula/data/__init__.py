"""Versioned data files: thresholds, tokens, codes, gates, phantom numbers; every entry with its source."""
