// useVerification.js
import { shallowRef, toValue, watch } from "vue"

// Follows a verification and its retries while the component exists. `id` may be a ref, which may change.
export function useVerification(client, id) {
  const verification = shallowRef(null)
  const error = shallowRef(null)
  watch(
    () => toValue(id),
    (current, _, onCleanup) => {
      verification.value = error.value = null
      const followed = client.followVerification(current, {
        followRetries: true,
        onChange: (change) => (verification.value = change.verification),
        onError: (reason) => (error.value = reason),
      })
      onCleanup(() => followed.stop())
    },
    { immediate: true },
  )
  return { verification, error }
}
