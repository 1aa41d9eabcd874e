"""Random input against one contract: a result, or one sentence.

``python -m tests.fuzz --minutes 5`` runs it (``make fuzz``). Cases follow from their kind and
number alone: ``--kind fit --number 123`` repeats one, with its traceback.
"""
