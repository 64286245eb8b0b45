"""Optional downloads: resumed when cut, verified, never left half written under the final name."""


class DataError(RuntimeError):
    """A data file is missing, damaged or out of reach; the message says how to mend that."""
