"""What is thought about tasks and requirements: plans of priorities, graphs, and what agents propose.

`cao.store.tasks` and its neighbours hold them. Only `refinement` writes: it is a recorder.
"""
