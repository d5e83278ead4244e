"""The REST habits all TM Forum APIs share (TMF630): collections, paging, selection, error bodies."""
