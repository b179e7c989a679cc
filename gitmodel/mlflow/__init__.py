"""What an MLflow store on this machine says, read without MLflow: nothing in it is run."""
