"""Scores: the win probability of every open deal, its risk level, and the reasons in plain words.

`scoring` puts them together, `reasons` turns contributions into sentences, `risk` sets the levels.
"""
