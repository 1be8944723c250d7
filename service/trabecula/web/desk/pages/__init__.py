"""A module a page, or a few that belong together; each handler takes the parts and what was asked."""
