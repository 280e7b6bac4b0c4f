"""Label Studio's labelling configuration: which questions there are, and about which field of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from handrail.canonical import JSON
from handrail.errors import InvalidInput

ANSWER = "answer"
# tags that show data; everything with toName asks
_SHOWN = {"image": "Image", "audio": "Audio", "html": "HyperText"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """What a configuration says. The XML is kept: without it the data cannot come back."""

    xml: str
    # name of a shown object → field of the data
    fields: Mapping[str, str]
    # name of a question → name of the object it is about
    about: Mapping[str, str]


def labelling_from(xml: str) -> Labelling:
    """Read a configuration. Raises `InvalidInput` for what is none, and for a document type (it could expand)."""
    if "<!DOCTYPE" in xml.upper() or "<!ENTITY" in xml.upper():
        raise InvalidInput("a labelling configuration has no document type", remedy="Leave <!DOCTYPE …> out.")
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise InvalidInput(f"the labelling configuration is no XML: {error}") from None
    fields, about = {}, {}
    for tag in root.iter():
        name = tag.get("name")
        if name is None:
            continue
        if tag.get("toName") is not None:
            about[name] = str(tag.get("toName")).split(",")[0]
        elif (tag.get("value") or tag.get("valueRef") or "").startswith("$"):
            fields[name] = str(tag.get("value") or tag.get("valueRef"))[1:]
    return Labelling(xml=xml, fields=fields, about=about)


def labelling_for(given: Mapping[str, JSON], choices: Sequence[str]) -> Labelling:
    """A configuration that shows each field of an input and asks one of `choices`."""
    shown = [field for field in given if field not in ("choices", "suggestion")]
    if not shown or len(choices) < 2:
        raise InvalidInput("a labelling configuration shows a field and asks two choices or more")
    lines = [
        f"  <{_tag(field, given[field])} name={quoteattr(field)} value={quoteattr('$' + field)}/>" for field in shown
    ]
    offered = "".join(f"\n    <Choice value={quoteattr(choice)}/>" for choice in choices)
    lines.append(f'  <Choices name="{ANSWER}" toName={quoteattr(shown[0])} choice="single">{offered}\n  </Choices>')
    return labelling_from("<View>\n" + "\n".join(lines) + "\n</View>")


def _tag(field: str, value: JSON) -> str:
    picture = isinstance(value, str) and value.startswith("data:image/")
    return "Image" if picture else _SHOWN.get(field, "Text")
