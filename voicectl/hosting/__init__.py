"""Where the manifests live: the Git repository, and GitHub or GitLab around it."""
