"""FHIR R4 as Salus needs it: facts about types, readings of its date texts, resources out of files.

- `salus.fhir.model`: what elements a type has, and how each stands in a typed table.
- `salus.fhir.profiles`: the profiles that stand for a code.
- `salus.fhir.temporal`: date, dateTime and instant texts -> first and last instant they can mean.
- `salus.fhir.reading`: files, folders and archives -> resources.

Leaves to others: what is done with a resource once it is read (`store`, content loading).
"""
