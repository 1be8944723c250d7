"""Studies in the API: lists and exports of a filter, one study, its files, and what is done to it."""
