"""What goes into the API and comes out of it, as pydantic classes; the keys are the published contract.

Shapes repeat fields of domain and ledger on purpose: those may change, a client's JSON may not. One that mirrors a type
of the same name ends in ``Shown``. No rule lives here beyond length and pattern of a text.
"""
