// Command kubernetes renders overlays with kustomize and decodes resources strictly into client-go's types.
//
// Input: JSON, {"files": {path: text}, "root": folder of a kustomization, or ""}. Output: a line of JSON for
// each resource as it was understood, or {"error": …}. Without a root the file resources.yaml is decoded.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

type input struct {
	Files map[string]string
	Root  string
}

func main() {
	var asked input
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		log.Fatal(err)
	}
	text := []byte(asked.Files["resources.yaml"])
	if asked.Root != "" {
		rendered, err := render(asked)
		if err != nil {
			say(map[string]string{"error": err.Error()})
			return
		}
		text = rendered
	}
	strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		object, _, err := strict.Decode(document, nil, nil)
		if err != nil {
			say(map[string]string{"error": err.Error()})
			continue
		}
		say(object)
	}
}

func render(asked input) ([]byte, error) {
	disk := filesys.MakeFsInMemory()
	for path, text := range asked.Files {
		if err := disk.WriteFile(path, []byte(text)); err != nil {
			return nil, err
		}
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, asked.Root)
	if err != nil {
		return nil, err
	}
	return resources.AsYaml()
}

func say(what any) {
	line, err := json.Marshal(what)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}
