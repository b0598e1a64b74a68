"""What Salesforce or a CSV file delivers, as clean tables under Salesforce's own names."""
