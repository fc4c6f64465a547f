// Command consul decodes a transaction as Consul's own client and server do and prints its operations.
//
// Input: the body of PUT /v1/txn. Output: a line "VERB KEY VALUE" for each operation.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/hashicorp/consul/api"
)

func main() {
	var operations api.TxnOps
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&operations); err != nil {
		log.Fatal(err)
	}
	for _, one := range operations {
		fmt.Println(one.KV.Verb, one.KV.Key, string(one.KV.Value))
	}
}
