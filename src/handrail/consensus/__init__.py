"""What many answers mean together: quorum, agreement, aggregation. Pure."""
