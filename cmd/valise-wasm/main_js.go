//go:build js

package main

import (
	"encoding/json"
	"syscall/js"
	"time"
)

func main() {
	e := &engine{now: time.Now}
	js.Global().Set("valise", js.FuncOf(func(_ js.Value, args []js.Value) any {
		if len(args) < 2 {
			return answer(nil, errEngine)
		}
		var data []byte
		if len(args) > 2 && args[2].InstanceOf(js.Global().Get("Uint8Array")) {
			data = make([]byte, args[2].Length())
			js.CopyBytesToGo(data, args[2])
		}
		return answer(e.call(args[0].String(), []byte(args[1].String()), data))
	}))
	select {}
}

func answer(result any, err error) any {
	object := js.Global().Get("Object").New()
	if err == nil {
		if data, ok := result.(rawData); ok {
			array := js.Global().Get("Uint8Array").New(len(data))
			js.CopyBytesToJS(array, data)
			object.Set("data", array)
			return object
		}
		var text []byte
		if text, err = json.Marshal(result); err == nil {
			object.Set("json", string(text))
			return object
		}
	}
	failure := js.Global().Get("Object").New()
	failure.Set("code", codeOf(err))
	failure.Set("message", err.Error())
	object.Set("error", failure)
	return object
}
