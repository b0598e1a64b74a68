"""The API for other systems, `/api/v1`: one file a subject, `calls` for who calls, `contents` for what there is."""
