"""Records from a server that exports in bulk (FHIR Bulk Data Access 2.0.0, SMART Backend Services 2.0).

- `request`: what is asked for.
- `auth`: who asks, and the token that proves it.
- `job`, `manifest`: the server's work, and the files it offers at the end.
- `download`: a file of it, whole or not at all.
- `export`: all of it into a folder, again and again until it is whole.
- `web`: what all of them know of HTTP; `outcome`: what a server says went wrong.

Leaves to others: loading what was downloaded (`store`), words for the user (`cli`).
"""
