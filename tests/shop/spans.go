package main

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// spanFile is an exporter that appends every batch to a file as one line of OTLP/JSON.
type spanFile struct {
	file     *os.File
	resource []property
}

type property struct {
	Key   string         `json:"key"`
	Value map[string]any `json:"value"`
}

type span struct {
	TraceID    string     `json:"traceId"`
	SpanID     string     `json:"spanId"`
	ParentID   string     `json:"parentSpanId,omitempty"`
	Name       string     `json:"name"`
	Kind       int        `json:"kind"`
	Start      string     `json:"startTimeUnixNano"`
	End        string     `json:"endTimeUnixNano"`
	Attributes []property `json:"attributes"`
	Status     struct {
		Code int `json:"code,omitempty"`
	} `json:"status"`
}

// newProvider makes tracers that sample as the caller did and write to the file twice a second.
func newProvider(path, name string) (*sdk.TracerProvider, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	who := []attribute.KeyValue{
		attribute.String("service.name", name), attribute.String("service.instance.id", name+"-0"),
	}
	return sdk.NewTracerProvider(
		sdk.WithSampler(sdk.ParentBased(sdk.AlwaysSample())),
		sdk.WithResource(resource.NewSchemaless(who...)),
		sdk.WithBatcher(&spanFile{file, properties(who)}, sdk.WithBatchTimeout(500*time.Millisecond),
			sdk.WithMaxQueueSize(1<<16), sdk.WithMaxExportBatchSize(1<<12)),
	), nil
}

// ExportSpans appends spans to the file.
func (f *spanFile) ExportSpans(_ context.Context, ended []sdk.ReadOnlySpan) error {
	spans := make([]span, len(ended))
	for i, s := range ended {
		spans[i] = written(s)
	}
	batch := map[string]any{"resourceSpans": []any{map[string]any{
		"resource": map[string]any{"attributes": f.resource},
		"scopeSpans": []any{map[string]any{
			"scope": map[string]any{"name": "workbench.shop"}, "spans": spans}}}}}
	return json.NewEncoder(f.file).Encode(batch)
}

// Shutdown closes the file.
func (f *spanFile) Shutdown(context.Context) error { return f.file.Close() }

func written(s sdk.ReadOnlySpan) span {
	out := span{
		TraceID: s.SpanContext().TraceID().String(), SpanID: s.SpanContext().SpanID().String(),
		Name: s.Name(), Kind: int(s.SpanKind()), Attributes: properties(s.Attributes()),
		Start: strconv.FormatInt(s.StartTime().UnixNano(), 10), End: strconv.FormatInt(s.EndTime().UnixNano(), 10),
	}
	if s.Parent().SpanID().IsValid() {
		out.ParentID = s.Parent().SpanID().String()
	}
	if s.Status().Code == codes.Error {
		out.Status.Code = 2 // OTLP numbers errors 2, the SDK 1
	}
	return out
}

func properties(given []attribute.KeyValue) []property {
	out := make([]property, len(given))
	for i, one := range given {
		out[i] = property{string(one.Key), value(one.Value)}
	}
	return out
}

func value(v attribute.Value) map[string]any {
	switch v.Type() {
	case attribute.INT64:
		return map[string]any{"intValue": strconv.FormatInt(v.AsInt64(), 10)}
	case attribute.FLOAT64:
		return map[string]any{"doubleValue": v.AsFloat64()}
	}
	return map[string]any{"stringValue": v.Emit()}
}
