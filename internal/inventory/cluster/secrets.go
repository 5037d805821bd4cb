package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A secret is a Secret without its data.
type secret struct {
	metav1.TypeMeta
	harden.SecretMeta
}

// DeepCopyObject makes it a runtime.Object.
func (s *secret) DeepCopyObject() runtime.Object {
	c := *s
	s.ObjectMeta.DeepCopyInto(&c.ObjectMeta)
	return &c
}

// asTable asks for what kubectl get would print: metadata, the type and the
// number of entries, and never the data itself. The server has to be asked for
// rows; what it sends otherwise is refused here.
const asTable = "application/json;as=Table;v=v1;g=meta.k8s.io"

// secretKind reads Secrets as rows of a table. Rows cannot be watched by the
// machinery of the other kinds, so they are listed again from time to time.
func secretKind(client rest.Interface) *kind {
	return &kind{
		apiVersion: "v1", name: "Secret", resource: "secrets", namespaced: true,
		list: func(ctx context.Context, namespace string, opts metav1.ListOptions) (page, error) {
			body, err := client.Get().NamespaceIfScoped(namespace, namespace != "").Resource("secrets").
				VersionedParams(&opts, scheme.ParameterCodec).SetHeader("Accept", asTable).Do(ctx).Raw()
			if err != nil {
				return page{}, err
			}
			return secretRows(body)
		},
	}
}

func secretRows(body []byte) (page, error) {
	var table metav1.Table
	if err := json.Unmarshal(body, &table); err != nil {
		return page{}, fmt.Errorf("reading secrets: %w", err)
	}
	if table.Kind != "Table" {
		return page{}, &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusNotAcceptable, Reason: metav1.StatusReasonNotAcceptable,
			Message: fmt.Sprintf("asked for a table, got a %s: its data is not looked at", table.Kind),
		}}
	}
	typeColumn, dataColumn := -1, -1
	for i, c := range table.ColumnDefinitions {
		switch c.Name {
		case "Type":
			typeColumn = i
		case "Data":
			dataColumn = i
		}
	}
	p := page{resourceVersion: table.ResourceVersion, continueWithToken: table.Continue}
	for _, row := range table.Rows {
		var partial metav1.PartialObjectMetadata
		if err := json.Unmarshal(row.Object.Raw, &partial); err != nil {
			return page{}, fmt.Errorf("reading secrets: %w", err)
		}
		s := &secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, SecretMeta: harden.SecretMeta{ObjectMeta: partial.ObjectMeta, Entries: -1}}
		if typeColumn >= 0 && typeColumn < len(row.Cells) {
			name, _ := row.Cells[typeColumn].(string)
			s.Type = corev1.SecretType(name)
		}
		if dataColumn >= 0 && dataColumn < len(row.Cells) {
			if n, ok := row.Cells[dataColumn].(float64); ok {
				s.Entries = int(n)
			}
		}
		trim(s)
		p.objects = append(p.objects, s)
	}
	return p, nil
}
