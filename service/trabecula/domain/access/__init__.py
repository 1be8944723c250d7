"""Who may do what at the desk: permissions, the roles that hold them, and the actor who asks.

Rules alone: no password, no cookie, no table. A permission on studies is held for all sites or for some of them; a
site is the calling AE title that sent a study. What asks for a permission names the one it needs, never a role.
"""
