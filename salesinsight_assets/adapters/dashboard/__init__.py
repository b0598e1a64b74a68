"""What pages and the API read and write in the warehouse: few rows at a time, by a pool of connections.

What belongs elsewhere: tables, bulk reads and writes of the nights (`warehouse`).
"""
