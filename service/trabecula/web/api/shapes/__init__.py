"""What goes into the API and comes out of it, as pydantic classes; the keys are the published contract."""
