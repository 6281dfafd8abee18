// Package helm checks the chart in deploy/helm with Helm's own packages: a module of its own, because they
// bring Kubernetes with them.
package helm
