"""Reports: what people read of many days. Figures first (`judged_scores`, `judged_alerts`), then words, then a page.

What belongs elsewhere: what one deal's alert says (delivery), and drawing pictures (the adapters).
"""
