"""`handrail import`: annotated cases of other tools, with the answers they have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handrail.cli.annotations import FORMS, form_of, import_annotations
from handrail.cli.options import Database, Workspace, settings_from
from handrail.cli.printing import AsJson

app = typer.Typer()


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The file, as the other tool exported it.")],
    format: Annotated[str, typer.Option(help=f"{', '.join(FORMS)}.")],
    action: Annotated[str, typer.Option(help="The action that the policy is to know these cases by.")],
    config: Annotated[
        Path | None, typer.Option(help="Labelling configuration or settings; else FILE.xml or FILE.settings.json.")
    ] = None,
    choices: Annotated[str, typer.Option(help="The answers people may give; else those in the file.")] = "",
    *,
    database: Database = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Bring in cases with models' answers and people's. The same file again adds nothing twice."""
    offered = [word.strip() for word in choices.split(",") if word.strip()]
    settings = settings_from(database=database, workspace=workspace)
    import_annotations(form_of(format), action, file, config, offered, settings, as_json=as_json)
