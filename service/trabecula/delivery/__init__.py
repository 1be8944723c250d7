"""Sending: result objects to the destinations, and their word that they keep them."""
