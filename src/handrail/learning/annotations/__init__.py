"""Annotated cases in the forms of other tools: Label Studio, Argilla, COCO. Pure: rows in, rows out."""
