"""CQL text, read without help from outside: tokens, syntax tree, names and types, ELM.

`parser` makes the tree of what was written, `translate` gives it meaning and writes ELM, which `salus.elm` turns into
nodes. Errors are `diagnostics`: library, line, column, and what would have been right.
"""
