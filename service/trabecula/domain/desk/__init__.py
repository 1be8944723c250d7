"""What people ask of the desk: searches, tags and actions on what a search finds; rules and frozen types, no I/O."""
