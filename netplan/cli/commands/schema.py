"""podnet schema: the spec's format for editors."""

from __future__ import annotations

from netplan.cli.options import verb_app
from netplan.cli.output import show_json
from netplan.spec.schema import schema as json_schema

app = verb_app()


@app.command()
def schema() -> None:
    """Print the JSON Schema of the spec."""
    show_json(json_schema())
