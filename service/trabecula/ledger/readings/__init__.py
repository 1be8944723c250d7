"""What readers said of results: they agree or disagree, with whom and why. A result is never changed by it."""
