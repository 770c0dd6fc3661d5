"""What the API answers: the models behind the OpenAPI document. Names and units are those of the wire."""
