// Command istio validates resources as istiod's admission does and prints each as it understood it.
//
// Input: YAML documents. Output: a line of JSON for each, {"kind", "error", "spec"}.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/validation"
	"istio.io/istio/pkg/config/validation/envoyfilter"
	"istio.io/istio/pkg/util/protomarshal"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

type validate = func(config.Config) (validation.Warning, error)

var kinds = map[string]struct {
	spec     func() proto.Message
	validate validate
}{
	"VirtualService":  {func() proto.Message { return &networking.VirtualService{} }, validation.ValidateVirtualService},
	"DestinationRule": {func() proto.Message { return &networking.DestinationRule{} }, validation.ValidateDestinationRule},
	"EnvoyFilter":     {func() proto.Message { return &networking.EnvoyFilter{} }, envoyfilter.ValidateEnvoyFilter},
}

type resource struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Spec     json.RawMessage
}

func main() {
	documents := utilyaml.NewYAMLOrJSONDecoder(os.Stdin, 4096)
	for {
		var one resource
		err := documents.Decode(&one)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		known, ok := kinds[one.Kind]
		if !ok {
			continue
		}
		said := map[string]any{"kind": one.Kind}
		spec := known.spec()
		if err = protomarshal.ApplyJSONStrict(string(one.Spec), spec); err == nil {
			meta := config.Meta{Name: one.Metadata.Name, Namespace: one.Metadata.Namespace}
			_, err = known.validate(config.Config{Meta: meta, Spec: spec})
		}
		if err != nil {
			said["error"] = err.Error()
		} else {
			understood, _ := protojson.Marshal(spec)
			said["spec"] = json.RawMessage(understood)
		}
		line, err := json.Marshal(said)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(bytes.TrimSpace(line)))
	}
}
