"""What care is given at visits, and to whom: one module for each domain of measures.

Each module's `give` takes the block's `Setting`, writes into its chart and enters into the ledger what is true of its
measures.
"""
