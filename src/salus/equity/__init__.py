"""Who is left out: attributes of people, estimates with honest uncertainty, and the comparison of groups.

`attributes` says who people are, `intervals` and `estimate` say how sure a figure is, `compare` puts
determinations and attributes together into the equity table. Leaves to others: deciding who meets a measure
(`measure`), hiding small cells and drawing (`publish`).
"""
