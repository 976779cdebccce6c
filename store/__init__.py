"""MongoDB, both asking and watching. The only importer of the driver."""
