"""The one exception that means: what the user gave is wrong."""


class UserError(ValueError):
    """A wrong input, said in one sentence: what must hold, what came, what to do.

    The command line prints the sentence and ends with exit code 2; every other exception is a defect.
    """
