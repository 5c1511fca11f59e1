"""Tests of measures, as their authors write them: people in, the populations they belong in, on every engine.

Files: `records` (a person in a few lines as FHIR resources), `cases` (files to cases), `running` (cases to verdicts),
`coverage` (which clauses the people of the tests never made true, or never false).
"""
