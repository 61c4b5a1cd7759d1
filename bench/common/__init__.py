"""What every benchmark needs: figures from samples, the conditions of a run, and tables put into a document.

Only the standard library, because a peer's process imports this from a venv in which nothing of ours is installed.
"""
