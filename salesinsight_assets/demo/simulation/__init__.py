"""How the made-up company lives: what a day brings, how strongly it speaks of the outcome, what traces it leaves.

`strengths` holds the numbers, `dynamics` the probabilities, `days` lets time pass, `traces` and `activities` make rows
of it, `journal` writes them.
"""
