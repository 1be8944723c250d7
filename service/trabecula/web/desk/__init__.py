"""The desk: pages for people, rendered here, with one script and one style sheet of our own.

``app.py`` puts it together, ``routes.py`` says which permission each page asks for, ``pages/`` holds a handler a page,
``templates/`` their HTML. A handler asks the ledger or a use case and shows the answer; it decides nothing.
"""
