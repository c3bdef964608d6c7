"""Tools that make what leaves the archive: copies, mails, bundles. No database, no clock."""
