"""Who is let in: passwords, sessions, tokens, forged requests, and what every answer's headers forbid a browser.

Rules about roles are the domain's, rows are the ledger's. Nothing here knows a page.
"""
