"""The rules of the product: DataFrames and plain values in, DataFrames and plain values out.

Nothing here reads a clock, the environment, a file or a database; nothing here knows Dagster.
The stages form a pipeline: crm > history > features > model > scores > alerts > delivery.
"""
