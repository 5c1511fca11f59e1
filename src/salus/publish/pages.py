"""Templates and style sheets that come with a package of Salus; whatever is put into a page is escaped.

Leaves to others: what a page says (`report`, `explanation`, `salus.mission.page`).
"""

from __future__ import annotations

from importlib.resources import files

import jinja2

HERE = "salus.publish"


def template(name: str, package: str = HERE) -> jinja2.Template:
    """A template of a package's folder `templates`; a name it uses and is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    return environment.get_template(name)


def resource(name: str, package: str = HERE) -> str:
    """The text of a file beside the templates."""
    return files(package).joinpath("templates", name).read_text(encoding="utf-8")
