module github.com/kubectl-harden/kubectl-harden/test/lab/components/pause

go 1.26.0
