-- Every index anew from its table.
REINDEX
