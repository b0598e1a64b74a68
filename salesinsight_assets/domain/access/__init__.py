"""Who sees what: people of the CRM along its role hierarchy, and those whom salesinsight.toml names. No passwords here."""
